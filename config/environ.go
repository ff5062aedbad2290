package config

import (
	"slices"
	"strings"
)

// variablePrefix begins the names of the variables that override keys.
const variablePrefix = "MQTTWARD_"

// variableOf returns the environment variable of the key at path pattern.
func variableOf(pattern string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(pattern, ".", "_"))
}

// overridable reports whether a variable can hold such a key: one value, not several.
func (k schemaKey) overridable() bool {
	switch k.kind {
	case kindString, kindTemplate, kindBool, kindInt, kindDuration, kindSize:
		return true
	default:
		return false
	}
}

// warnVariables warns of variables that look like overrides and are none. environ is a list
// of NAME=value.
func (d *document) warnVariables(environ []string) {
	var known []string
	for _, k := range d.schema {
		if k.variable != "" {
			known = append(known, k.variable)
		}
	}
	slices.Sort(known)
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, variablePrefix) || foreignVariable(name) || slices.Contains(known, name) {
			continue
		}
		text := "no key has this variable; lists, listeners and users come from the file"
		if near := nearest(name, known); near != "" {
			text = "no key has this variable: did you mean " + near + "?"
		}
		d.warnings = append(d.warnings, Problem{File: "$" + name, Text: text})
	}
}

// foreignVariable reports whether a variable with our prefix is not meant for this package:
// the two that the commands and their tests read, and those that Kubernetes sets in every
// container for a service called mqttward.
func foreignVariable(name string) bool {
	switch rest := strings.TrimPrefix(name, variablePrefix); {
	case rest == "CONFIG", rest == "PORT", rest == "E2E", rest == "E2E_LONG":
		return true
	default:
		return strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
	}
}
