package process_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok/process"
)

func TestMisuseOfAnOptionPanicsAtTheCall(t *testing.T) {
	for what, misuse := range map[string]func(){
		"NewPool(0)":      func() { _, _ = process.NewPool(0) },
		"MaxTasks(0)":     func() { process.MaxTasks(0) },
		"MemoryLimit(1)":  func() { process.MemoryLimit(1) },
		"Grace(-1ns)":     func() { process.Grace(-time.Nanosecond) },
		"WithBacklog(-1)": func() { process.WithBacklog(-1) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "potok/process: "+what) {
					t.Errorf("%s: %v", what, text)
				}
			}()
			misuse()
		}()
	}
}
