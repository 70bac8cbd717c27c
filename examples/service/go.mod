module handpie.example/service

go 1.22
