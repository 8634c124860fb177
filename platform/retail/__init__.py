"""The reference solution: the tables of a retail company, from till lines to daily sales."""
