package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// nginxConf is for pages that do not change: one worker, files sent by the kernel,
// connections kept, nothing logged. The arguments are the directory and the address.
const nginxConf = `daemon off;
worker_processes 1;
pid %[1]s/run/pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 60s;
  keepalive_requests 10000000;
  charset utf-8;
  types { text/html html; }
  client_body_temp_path %[1]s/run/body;
  proxy_temp_path %[1]s/run/proxy;
  fastcgi_temp_path %[1]s/run/fastcgi;
  uwsgi_temp_path %[1]s/run/uwsgi;
  scgi_temp_path %[1]s/run/scgi;
  server {
    listen %[2]s backlog=4096;
    root %[1]s/pages;
  }
}
`

// startNginx starts nginx with pages of that size, in a directory that is there and
// empty, and returns when it answers.
func startNginx(ctx context.Context, shop *workshop, nginx tool, dir string, size int) (base string, server *child, err error) {
	if err := writePages(filepath.Join(dir, "pages"), size); err != nil {
		return "", nil, err
	}
	run := filepath.Join(dir, "run")
	if err := errors.Join(os.Mkdir(run, 0o755), os.Chmod(run, 0o777)); err != nil {
		return "", nil, err
	}
	address, server, err := startListening(ctx, shop, "nginx", func(address string) (command, error) {
		conf := filepath.Join(dir, "nginx.conf")
		serving := command{path: nginx.path, args: []string{"-p", dir, "-c", conf, "-e", "stderr"}, lowered: true}
		return serving, os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, address), 0o644)
	})
	return "http://" + address, server, err
}

func writePages(dir string, size int) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for k := range distinctPages {
		name := filepath.Join(dir, fmt.Sprintf("p%d.html", k))
		if err := os.WriteFile(name, htmlPage(k, size), 0o644); err != nil {
			return err
		}
	}
	return nil
}
