module label

go 1.21
