package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A probe asks a container something at times, as its pod says.
type probe struct {
	spec     *corev1.Probe
	url      string
	due      time.Time
	failures int32 // in a row
	ok       bool
}

// newProbe returns nil if the pod has no such probe.
func newProbe(spec *corev1.Probe, c corev1.Container, address string) (*probe, error) {
	if spec == nil {
		return nil, nil
	}
	if spec.HTTPGet == nil {
		return nil, fmt.Errorf("container %s: this kubelet only knows probes by HTTP", c.Name)
	}
	port := int(spec.HTTPGet.Port.IntVal)
	for _, p := range c.Ports {
		if p.Name == spec.HTTPGet.Port.StrVal {
			port = int(p.ContainerPort)
		}
	}
	return &probe{
		spec: spec, url: "http://" + net.JoinHostPort(address, strconv.Itoa(port)) + spec.HTTPGet.Path,
		due: time.Now().Add(time.Duration(spec.InitialDelaySeconds) * time.Second),
	}, nil
}

// ask asks if it is time to. It says whether the answer changed, or has been no for
// as often as the pod allows.
func (p *probe) ask(ctx context.Context, client *http.Client) (changed, failed bool) {
	if p == nil || time.Now().Before(p.due) {
		return false, false
	}
	before := p.ok
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.spec.TimeoutSeconds)*time.Second)
	defer cancel()
	if p.answer(ctx, client) {
		p.failures, p.ok = 0, true
	} else if p.failures++; p.failures >= p.spec.FailureThreshold {
		failed, p.ok = true, false
	}
	p.due = time.Now().Add(time.Duration(p.spec.PeriodSeconds) * time.Second)
	return p.ok != before, failed
}

func (p *probe) answer(ctx context.Context, client *http.Client) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode >= 200 && res.StatusCode < 400
}
