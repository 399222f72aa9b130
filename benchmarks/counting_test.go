package main

import "testing"

func TestLostAdditionsAreFound(t *testing.T) {
	if err := countByBar(1000, 3, true).run(); err != nil {
		t.Error(err)
	}
	whole := lastWrite{[]byte("\r100%|##########| 100/100 [00:00<00:00, 1.00it/s]\n")}
	if err := whole.says(100, true); err != nil {
		t.Error(err)
	}
	if whole.says(101, true) == nil || whole.says(100, false) == nil || new(lastWrite).says(100, true) == nil {
		t.Error("not found")
	}
	lossy := countByAtomic(3, 2)
	if lossy.verify() == nil {
		t.Error("none of 3 was counted: not found")
	}
	for _, goroutines := range []int{1, 2, 3, 7} {
		total := make(chan int, goroutines) // one number from each
		countTo(100, goroutines, func(times int) { total <- times })
		close(total)
		sum := 0
		for times := range total {
			sum += times
		}
		if sum != 100 {
			t.Errorf("%d goroutines count to %d", goroutines, sum)
		}
	}
}
