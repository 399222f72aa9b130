package embedded_test

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

func Example() {
	srv, err := embedded.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	nc, err := srv.Connect()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()

	js, err := jetstream.New(nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	info, err := js.AccountInfo(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("URL %q, in memory: %v\n", srv.URL(), info.Limits.MaxStore == 0)
	// Output: URL "", in memory: true
}
