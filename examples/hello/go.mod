module handpie.example/hello

go 1.22
