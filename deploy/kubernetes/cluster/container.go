package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// strangeUser runs pods that name no user, as OpenShift gives each project one.
const strangeUser = 1000660000

// object is one of JSON.
type object = map[string]any

// imageRoot is the directory of an image that is named by digest, or by tag.
func (k *kubelet) imageRoot(image string) (string, error) {
	name := image[strings.LastIndexAny(image, ":")+1:]
	root := filepath.Join(k.images, name)
	if _, err := os.Stat(root); err != nil {
		return "", fmt.Errorf("image %s is in no registry", image)
	}
	return root, nil
}

// writeBundle describes the container of a pod to runc.
func (w *worker) writeBundle(ctx context.Context) error {
	c := w.pod.Spec.Containers[0]
	root, err := w.imageRoot(c.Image)
	if err != nil {
		return err
	}
	volumes, err := w.makeVolumes(ctx)
	if err != nil {
		return err
	}
	mounts := []object{{"destination": "/proc", "type": "proc", "source": "proc"}}
	for _, m := range c.VolumeMounts {
		access := "rw"
		if m.ReadOnly {
			access = "ro"
		}
		mounts = append(mounts, object{
			"destination": m.MountPath, "type": "bind", "source": filepath.Join(volumes[m.Name], m.SubPath), "options": []string{"rbind", access},
		})
	}
	process, err := w.process(c)
	if err != nil {
		return err
	}
	text, err := json.Marshal(object{
		"ociVersion": "1.0.2", "hostname": w.pod.Name, "mounts": mounts, "process": process,
		"root": object{"path": root, "readonly": *c.SecurityContext.ReadOnlyRootFilesystem},
		"linux": object{
			"namespaces": []object{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network", "path": "/run/netns/" + w.id}},
			"resources":  object{"memory": object{"limit": c.Resources.Limits.Memory().Value()}},
		},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, "config.json"), text, 0o600)
}

// process is what runs in the container. What this kubelet does not know is an error,
// so that no test believes it to be done.
func (w *worker) process(c corev1.Container) (object, error) {
	s := c.SecurityContext
	switch {
	case s == nil || s.ReadOnlyRootFilesystem == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation:
		return nil, errors.New("the container may do more than this kubelet wants to give")
	case s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") || len(s.Capabilities.Add) > 0:
		return nil, errors.New("the container keeps capabilities")
	}
	user := int64(strangeUser)
	if of := w.pod.Spec.SecurityContext; of != nil && of.RunAsUser != nil {
		user = *of.RunAsUser
	}
	environment := []string{"PATH=/usr/bin", "HOME=/var/lib/koschei", "KOSCHEI_DATA_DIR=/var/lib/koschei"} // of the image
	for _, e := range c.Env {
		if e.ValueFrom != nil {
			return nil, fmt.Errorf("the variable %s has no plain value", e.Name)
		}
		environment = append(environment, e.Name+"="+e.Value)
	}
	none := []string{}
	return object{
		"args": append(slices.Clone(c.Command), c.Args...), "env": environment, "cwd": "/", "noNewPrivileges": true,
		"user":         object{"uid": user, "gid": 0},
		"capabilities": object{"bounding": none, "effective": none, "permitted": none, "inheritable": none},
	}, nil
}

// makeVolumes makes the pod's volumes and returns where each is.
func (w *worker) makeVolumes(ctx context.Context) (map[string]string, error) {
	volumes := map[string]string{}
	for _, v := range w.pod.Spec.Volumes {
		dir := filepath.Join(w.dir, "volumes", v.Name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			return nil, err
		}
		volumes[v.Name] = dir
		switch {
		case v.EmptyDir != nil:
		case v.Secret != nil:
			if err := w.writeSecret(ctx, dir, v.Secret); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("the volume %s is of no kind that this kubelet knows", v.Name)
		}
	}
	return volumes, nil
}

// writeSecret writes the files of a Secret, root's with the mode that the pod asks for.
func (w *worker) writeSecret(ctx context.Context, dir string, from *corev1.SecretVolumeSource) error {
	secret, err := w.api.client.CoreV1().Secrets(w.pod.Namespace).Get(ctx, from.SecretName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for name, content := range secret.Data {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
		if err := os.Chmod(file, os.FileMode(*from.DefaultMode)); err != nil {
			return err
		}
	}
	return nil
}

// A container is one that runs.
type container struct {
	id     string
	exited chan int // its exit code, once
}

// startContainer runs the pod's bundle; what it says goes to the pod's log.
func (w *worker) startContainer() (*container, error) {
	log, err := os.OpenFile(w.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command("runc", "run", "--bundle", w.dir, w.id)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &container{id: w.id, exited: make(chan int, 1)}
	go func() {
		_ = cmd.Wait()
		c.exited <- cmd.ProcessState.ExitCode()
	}()
	return c, nil
}

func (c *container) signal(name string) { _ = exec.Command("runc", "kill", c.id, name).Run() }
