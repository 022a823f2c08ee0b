{{- define "tenmint.labels" -}}
app.kubernetes.io/name: tenmint
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "tenmint.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
