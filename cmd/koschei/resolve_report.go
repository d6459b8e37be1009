package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/whatif"
)

// A resolveReport is what "koschei resolve" prints.
type resolveReport struct {
	whatif.Counts
	Packages     int                `json:"packages"` // that could be chosen from
	LoadSeconds  float64            `json:"load_seconds"`
	SolveSeconds float64            `json:"solve_seconds"`
	CPUSeconds   float64            `json:"cpu_seconds"` // user and system, of the whole process
	PeakBytes    int64              `json:"peak_bytes"`  // resident, of the whole process
	LeftOut      []string           `json:"left_out"`    // of the metadata, as nobody can read it
	Failures     []whatif.Failure   `json:"failures"`
	With         *whatif.Difference `json:"with,omitempty"`
}

// bad reports whether the answer is one that scripts should stop at: any
// failure, or any that is the change's.
func (r *resolveReport) bad() bool {
	if r.With != nil {
		return len(r.With.Broken) > 0
	}
	return r.Failed > 0
}

func (r *resolveReport) print(w io.Writer, format string) error {
	r.CPUSeconds, r.PeakBytes = processUsage()
	buffered := bufio.NewWriter(w)
	if format == "json" {
		encoder := json.NewEncoder(buffered)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(r); err != nil {
			return err
		}
	} else {
		r.printText(buffered)
	}
	return buffered.Flush()
}

// printText leaves errors to the writer's Flush.
func (r *resolveReport) printText(w *bufio.Writer) {
	switch {
	case r.With != nil:
		printDifference(w, r.With, r.Goals)
	case r.Failed > 0:
		printFailures(w, r.Failures)
		_, _ = fmt.Fprintln(w)
	}
	printLeftOut(w, r.LeftOut)
	_, _ = fmt.Fprintf(w, "%d of %d source packages resolve, %d fail.\n", r.Resolved, r.Goals, r.Failed)
	_, _ = fmt.Fprintf(w, "Reading %d packages took %.2f s, solving %.2f s; %.2f s of CPU, %d MB of memory at the peak.\n",
		r.Packages, r.LoadSeconds, r.SolveSeconds, r.CPUSeconds, r.PeakBytes/1_000_000)
}

func printLeftOut(w *bufio.Writer, leftOut []string) {
	if len(leftOut) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "Left out of the metadata, as it cannot be read (%d):\n", len(leftOut))
	for _, text := range leftOut[:min(len(leftOut), koschei.LeftOutShown)] {
		_, _ = fmt.Fprintf(w, "  %s\n", text)
	}
	if more := len(leftOut) - koschei.LeftOutShown; more > 0 {
		_, _ = fmt.Fprintf(w, "  and %d more, which --output json lists\n", more)
	}
	_, _ = fmt.Fprintln(w)
}

// printDifference leaves errors to the writer's Flush.
func printDifference(w *bufio.Writer, d *whatif.Difference, goals int) {
	_, _ = fmt.Fprintf(w, "%d source packages: %d newly broken, %d newly fixed, %d changed.\n\n",
		goals, len(d.Broken), len(d.Fixed), len(d.Changed))
	if len(d.Broken) > 0 {
		_, _ = fmt.Fprintln(w, "Newly broken:")
		printFailures(w, d.Broken)
		_, _ = fmt.Fprintln(w)
	}
	if len(d.Fixed) > 0 {
		_, _ = fmt.Fprintf(w, "Newly fixed:\n%s\n\n", strings.Join(d.Fixed, "\n"))
	}
}

func printFailures(w *bufio.Writer, failures []whatif.Failure) {
	for _, f := range failures {
		_, _ = fmt.Fprintf(w, "%s:\n", f.Name)
		for _, problem := range f.Problems {
			_, _ = fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(problem, "\n", "\n  "))
		}
	}
}

// processUsage is the CPU time of this process and its peak resident memory.
func processUsage() (cpuSeconds float64, peakBytes int64) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, 0
	}
	cpuSeconds = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	if peak := peakOfStatus(); peak > 0 {
		return cpuSeconds, peak
	}
	return cpuSeconds, usage.Maxrss * 1024
}

// peakOfStatus is VmHWM of /proc/self/status, or 0. Unlike ru_maxrss it does
// not count what the process was before it became this program.
func peakOfStatus() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes * 1024
		}
	}
	return 0
}
