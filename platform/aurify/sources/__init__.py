"""Where raw data comes from: folders of files, each looked at once before it enters a batch."""

from aurify.sources.check import CheckedFile, check_file, check_files
from aurify.sources.delivery import Delivery
from aurify.sources.fault import FileProblem
from aurify.sources.folder import FolderOptions, read_files
from aurify.sources.listing import SourceFile, list_files, stat_unchanged

__all__ = [
    "CheckedFile",
    "Delivery",
    "FileProblem",
    "FolderOptions",
    "SourceFile",
    "check_file",
    "check_files",
    "list_files",
    "read_files",
    "stat_unchanged",
]
