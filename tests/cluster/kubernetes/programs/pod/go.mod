module pod

go 1.24
