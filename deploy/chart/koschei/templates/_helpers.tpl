{{- define "koschei.labels" -}}
app.kubernetes.io/name: koschei
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
service: {{ .component }}
{{- end }}

{{- define "koschei.selector" -}}
app.kubernetes.io/name: koschei
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "koschei.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else if .tag }}{{ .repository }}:{{ .tag }}
{{- else }}{{ fail "image: set digest, or tag to try things" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files of a kind of pod: frontend, backend or admin. An admin has those of a backend, too. */}}
{{- define "koschei.files" -}}
{{- $v := .root.Values.config -}}
{{- $files := .root.Values.secrets.files -}}
{{- $of := merge (dict) (get $files .kind) (ternary $files.backend (dict) (eq .kind "admin")) $files.common -}}
{{- $frontend := dict "frontend" (dict "listen" ":8080" "metrics_listen" ":9100" "linger" (printf "%ds" (int .root.Values.frontend.linger))) -}}
{{- $backend := dict "backend" (dict "listen" ":9100") -}}
{{- if eq .kind "frontend" }}
config-frontend.yaml: {{ mergeOverwrite $frontend (deepCopy $v.common) (deepCopy $v.frontend) | toYaml | toJson }}
{{- else }}
config-backend.yaml: {{ mergeOverwrite $backend (deepCopy $v.common) (deepCopy $v.backend) | toYaml | toJson }}
{{- if eq .kind "admin" }}
config-admin.yaml: {{ $v.admin | toYaml | toJson }}
{{- end }}
{{- end }}
{{- range $name, $text := $of }}
{{ $name }}: {{ $text | toJson }}
{{- end }}
{{- end }}

{{- define "koschei.checksum" -}}
{{- printf "%s%s%s" (include "koschei.files" .) .root.Values.secrets.checksum (toJson .root.Values.secrets.keytab) | sha256sum -}}
{{- end }}

{{/* A pod template. root, component, kind, args; http if it serves; restartPolicy for Jobs. */}}
{{- define "koschei.pod" -}}
metadata:
  labels: {{- include "koschei.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ include "koschei.checksum" . }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ ternary (add (int .root.Values.frontend.linger) 30) 30 (eq .kind "frontend") }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- if .root.Values.runAsUser }}
    runAsUser: {{ .root.Values.runAsUser }}
    {{- end }}
    seccompProfile: {type: RuntimeDefault}
  {{- if eq .kind "frontend" }}
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "koschei.selector" . | nindent 8 }}
  {{- end }}
  containers:
  - name: {{ .component }}
    image: {{ include "koschei.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [/usr/bin/koschei]
    args: {{ toJson .args }}
    env:
    - name: KOSCHEI_CONFIG
      value: {{ get (dict "frontend" "/etc/koschei/config-frontend.yaml" "backend" "/etc/koschei/config-backend.yaml" "admin" "/etc/koschei/config-backend.yaml:/etc/koschei/config-admin.yaml") .kind }}
    - name: SUDO_USER
      value: {{ .component }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    {{- if .http }}
    ports:
    {{- if eq .kind "frontend" }}
    - {name: web, containerPort: 8080}
    {{- end }}
    - {name: metrics, containerPort: 9100}
    # It does not serve before the migration is done, which may take long.
    startupProbe: {httpGet: {path: /livez, port: metrics}, periodSeconds: 2, failureThreshold: 1800}
    readinessProbe: {httpGet: {path: /readyz, port: metrics}, periodSeconds: 5, timeoutSeconds: 5}
    livenessProbe: {httpGet: {path: /livez, port: metrics}, periodSeconds: 20, timeoutSeconds: 10, failureThreshold: 6}
    {{- end }}
    resources: {{- toYaml .resources | nindent 6 }}
    volumeMounts:
    - {name: config, mountPath: /etc/koschei, readOnly: true}
    {{- if .root.Values.secrets.keytab }}
    - {name: keytab, mountPath: /etc/krb5.keytab, subPath: krb5.keytab, readOnly: true}
    {{- end }}
    - {name: data, mountPath: /var/lib/koschei}
    - {name: tmp, mountPath: /tmp}
  volumes:
  - name: config
    secret: {secretName: {{ .kind }}-config, defaultMode: 0440}
  {{- if .root.Values.secrets.keytab }}
  - name: keytab
    secret: {secretName: keytab, defaultMode: 0440}
  {{- end }}
  - name: data
    emptyDir: {sizeLimit: {{ .root.Values.dataSize }}}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
{{- end }}
