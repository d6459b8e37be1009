package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// useHugePages asks the kernel for pages of 2 MiB where the heap grows next. It is
// there only for speed (decision 18): without it the command does the same. A
// command that fills a hundred MiB once, and then looks into them everywhere,
// spends a tenth of its time on being given pages of 4 KiB and on finding them
// again. Go has no setting for it: some memory is allocated, marked and given up,
// and the heap grows into it.
func useHugePages() {
	const size = 128 << 20
	room := make([]byte, size) // as long as nobody writes there, it takes none
	// Where there are no huge pages it only takes longer.
	_ = unix.Madvise(room, unix.MADV_HUGEPAGE)
	runtime.GC() // nothing uses it from here on
}
