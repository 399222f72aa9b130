package embedded

import "github.com/nats-io/nats-server/v2/server"

// NATS is the server itself: through it a worker's connection can be made inside a bubble.
func (s *Server) NATS() *server.Server { return s.nats }
