//go:build !unix

package mind

import (
	"errors"
	"os"
	"os/exec"
)

// Can says whether processes can be minded here.
const Can = false

func inheritPipes() (life, report *os.File, err error) { return nil, nil, errors.ErrUnsupported }

func lower(*exec.Cmd) error { return errors.ErrUnsupported }

func maxRSS(*os.ProcessState) int64 { return 0 }
