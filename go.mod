module github.com/potok-go/potok

go 1.26
