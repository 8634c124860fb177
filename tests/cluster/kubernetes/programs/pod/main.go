// Command pod is what pods of tests run: it waits to be ended, or prints what an address or a name leads to.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "get":
		tell(get(os.Args[2]))
	case len(os.Args) == 3 && os.Args[1] == "resolve":
		found, err := net.LookupHost(os.Args[2])
		tell(strings.Join(found, " "), err)
	default:
		wait()
	}
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func tell(found string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(found)
}

func wait() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
}
