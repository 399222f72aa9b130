//go:build !unix

package main

import (
	"errors"
	"time"
)

const hasProcessTime = false

func processTime() (time.Duration, error) { return 0, errors.ErrUnsupported }
