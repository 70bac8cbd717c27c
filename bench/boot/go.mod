module handpie.example/boot

go 1.22
