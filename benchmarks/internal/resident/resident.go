// Package resident says how much memory a process has, as Linux tells it:
//
//	peak, err := resident.Peak(os.Getpid())
//
// Unlike getrusage's, a peak from here does not begin before the process's exec,
// when it still was its parent. Elsewhere, and of a process that is not there, the
// functions return an error that matches fs.ErrNotExist.
package resident

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Known says whether this system tells it.
func Known() bool {
	_, _, err := Now(os.Getpid())
	return err == nil
}

// Peak is the most that a process has had resident since its exec, in bytes.
func Peak(pid int) (int64, error) {
	sizes, err := sizes(pid, "status")
	return sizes["VmHWM"], err
}

// Now is what a process has resident, and how much of that it shares with nobody,
// in bytes. The rest is mostly the program's text, which is there once for all its
// processes.
func Now(pid int) (all, private int64, err error) {
	sizes, err := sizes(pid, "smaps_rollup")
	return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"], err
}

// sizes are the lines "Name:  123 kB" of a file of a process.
func sizes(pid int, name string) (map[string]int64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all := make(map[string]int64)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		if len(word) != 3 || word[2] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(word[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		all[strings.TrimSuffix(word[0], ":")] = n << 10
	}
	return all, lines.Err()
}
