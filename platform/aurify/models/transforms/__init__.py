"""Transforms that are fitted on training rows and kept with a model, so that scoring does what training did."""

from aurify.models.transforms.bins import Bins
from aurify.models.transforms.codes import Codes
from aurify.models.transforms.imputed import Imputed
from aurify.models.transforms.one_hot import OneHot
from aurify.models.transforms.scaled import Scaled
from aurify.models.transforms.target_mean import TargetMean
from aurify.models.transforms.tf_idf import TfIdf
from aurify.models.transforms.word2vec import Word2Vec

__all__ = ["Bins", "Codes", "Imputed", "OneHot", "Scaled", "TargetMean", "TfIdf", "Word2Vec"]
