package kubernetes

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	coreconvert "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	securityapi "k8s.io/pod-security-admission/api"
	security "k8s.io/pod-security-admission/policy"
)

// foreign are kinds that no API server knows by itself; nothing can be said of them
// here but that they are YAML.
var foreign = map[string]bool{"Route": true, "ImageStream": true, "PodMonitor": true, "PrometheusRule": true}

// validate returns what an API server would refuse of some objects, a sentence each,
// and how many objects of each kind there are.
func validate(text string) (refused []string, kinds map[string]int, err error) {
	evaluator, err := security.NewEvaluator(security.DefaultChecks(), nil)
	if err != nil {
		return nil, nil, err
	}
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()
	kinds = map[string]int{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return refused, kinds, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if onlyComments(string(document)) {
			continue
		}
		kind := kindOf(string(document))
		kinds[kind]++
		object, _, err := decoder.Decode(document, nil, nil)
		switch {
		case foreign[kind] && runtime.IsNotRegisteredError(err):
		case err != nil:
			refused = append(refused, err.Error())
		default:
			refused = append(refused, check(evaluator, object)...)
		}
	}
}

// kindOf is what a document calls its object, "" if it does not say. The decoder
// tells it only of kinds that it knows.
func kindOf(document string) string {
	for line := range strings.Lines(document) {
		if kind, ok := strings.CutPrefix(line, "kind: "); ok {
			return strings.TrimSpace(kind)
		}
	}
	return ""
}

// onlyComments says that a document has no object.
func onlyComments(document string) bool {
	for line := range strings.Lines(document) {
		if line = strings.TrimSpace(line); line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// check returns what is wrong with an object that could be decoded.
func check(evaluator security.Evaluator, object runtime.Object) (refused []string) {
	if o, ok := object.(interface {
		GetNamespace() string
		SetNamespace(string)
	}); ok && o.GetNamespace() == "" {
		o.SetNamespace("default")
	}
	errs, pod := validateObject(object)
	for _, err := range errs {
		refused = append(refused, fmt.Sprintf("%T: %s", object, err))
	}
	if pod == nil {
		return refused
	}
	var v1 corev1.PodTemplateSpec
	if err := coreconvert.Convert_core_PodTemplateSpec_To_v1_PodTemplateSpec(pod, &v1, nil); err != nil {
		return append(refused, err.Error())
	}
	level := securityapi.LevelVersion{Level: securityapi.LevelRestricted, Version: securityapi.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &v1.ObjectMeta, &v1.Spec) {
		if !result.Allowed {
			refused = append(refused, fmt.Sprintf("%T: not restricted: %s: %s", object, result.ForbiddenReason, result.ForbiddenDetail))
		}
	}
	return refused
}

// validateObject returns the template of the object's pods, too, if it has any.
func validateObject(object runtime.Object) (field.ErrorList, *core.PodTemplateSpec) {
	var pods corevalidation.PodValidationOptions
	switch o := object.(type) {
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(o, pods), &o.Spec.Template
	case *batch.Job: // its selector is the server's to make, so it is looked at as a CronJob's
		c := &batch.CronJob{ObjectMeta: o.ObjectMeta, Spec: batch.CronJobSpec{
			Schedule: "@daily", ConcurrencyPolicy: batch.ForbidConcurrent, JobTemplate: batch.JobTemplateSpec{Spec: o.Spec},
		}}
		return batchvalidation.ValidateCronJobCreate(c, pods), &o.Spec.Template
	case *batch.CronJob:
		return batchvalidation.ValidateCronJobCreate(o, pods), &o.Spec.JobTemplate.Spec.Template
	case *core.Service:
		return corevalidation.ValidateServiceCreate(o), nil
	case *core.Secret:
		return corevalidation.ValidateSecret(o), nil
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o), nil
	case *networking.NetworkPolicy:
		return networkvalidation.ValidateNetworkPolicy(o, networkvalidation.NetworkPolicyValidationOptions{}), nil
	case *networking.Ingress:
		return networkvalidation.ValidateIngressCreate(o), nil
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{}), nil
	case *autoscaling.HorizontalPodAutoscaler:
		return autoscalingvalidation.ValidateHorizontalPodAutoscaler(o, autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{}), nil
	}
	return field.ErrorList{field.NotSupported(field.NewPath("kind"), fmt.Sprintf("%T", object), []string{"those that validate_test.go names"})}, nil
}
