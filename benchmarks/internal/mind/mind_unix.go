//go:build unix

package mind

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// Can says whether processes can be minded here.
const Can = true

// inheritPipes takes the two pipes over. They do not block a thread, so that
// closing one ends a read of it, and the program does not inherit them again: the
// benchmarks wait for the end of the report.
func inheritPipes() (life, report *os.File, err error) {
	for _, fd := range []int{LifePipe, ReportPipe} {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, nil, fmt.Errorf("pipe %d: %w", fd, err)
		}
	}
	return os.NewFile(LifePipe, "life"), os.NewFile(ReportPipe, "report"), nil
}

// lower makes cmd run as nobody if we are root: a server has no use for more.
func lower(cmd *exec.Cmd) error {
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	uid, errUser := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, errGroup := strconv.ParseUint(nobody.Gid, 10, 32)
	if err := errors.Join(errUser, errGroup); err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return nil
}

// maxRSS is the most memory that the process had, in bytes.
func maxRSS(state *os.ProcessState) int64 {
	u, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if most := int64(u.Maxrss); runtime.GOOS == "darwin" || runtime.GOOS == "ios" { //nolint:unconvert // 32 bits on some
		return most
	}
	return int64(u.Maxrss) << 10 //nolint:unconvert // 32 bits on some
}
