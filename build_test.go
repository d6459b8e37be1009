package koschei

import (
	"errors"
	"testing"
)

func allOutcomes() []Outcome {
	return []Outcome{
		OutcomeSubmitting, OutcomeRunning, OutcomeComplete, OutcomeFailed,
		OutcomeCanceled, OutcomeTimeout, OutcomeInfrastructure, OutcomeLost,
	}
}

func TestTransition(t *testing.T) {
	t.Parallel()
	ends := []Outcome{OutcomeComplete, OutcomeFailed, OutcomeCanceled, OutcomeTimeout, OutcomeInfrastructure}
	allowed := map[[2]Outcome]bool{
		{OutcomeSubmitting, OutcomeRunning}: true,
		{OutcomeSubmitting, OutcomeLost}:    true,
		{OutcomeRunning, OutcomeLost}:       true,
		{OutcomeLost, OutcomeRunning}:       true,
	}
	for _, o := range allOutcomes() {
		allowed[[2]Outcome{o, o}] = true
	}
	for _, end := range ends {
		allowed[[2]Outcome{OutcomeSubmitting, end}] = true
		allowed[[2]Outcome{OutcomeRunning, end}] = true
		allowed[[2]Outcome{OutcomeLost, end}] = true
	}
	for _, from := range allOutcomes() {
		for _, to := range allOutcomes() {
			err := from.Transition(to)
			if allowed[[2]Outcome{from, to}] {
				if err != nil {
					t.Errorf("%s to %s: %v", from, to, err)
				}
			} else if !errors.Is(err, ErrConflict) {
				t.Errorf("%s to %s: error %v, want %v", from, to, err, ErrConflict)
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	type properties struct{ ended, counts, fault bool }
	tests := map[Outcome]properties{
		OutcomeSubmitting:     {counts: true},
		OutcomeRunning:        {counts: true},
		OutcomeComplete:       {ended: true, counts: true},
		OutcomeFailed:         {ended: true, counts: true},
		OutcomeCanceled:       {ended: true, fault: true},
		OutcomeTimeout:        {ended: true, fault: true},
		OutcomeInfrastructure: {ended: true, fault: true},
		OutcomeLost:           {ended: true, fault: true},
	}
	for _, o := range allOutcomes() {
		if got := (properties{o.Ended(), o.Counts(), o.Fault()}); got != tests[o] {
			t.Errorf("%s: %+v, want %+v", o, got, tests[o])
		}
	}
}

func TestTaskStates(t *testing.T) {
	t.Parallel()
	ended := map[TaskState]bool{TaskClosed: true, TaskCanceled: true, TaskFailed: true}
	for _, s := range []TaskState{TaskFree, TaskOpen, TaskClosed, TaskCanceled, TaskAssigned, TaskFailed} {
		if s.Ended() != ended[s] {
			t.Errorf("%s: ended %v, want %v", s, s.Ended(), ended[s])
		}
	}
}
