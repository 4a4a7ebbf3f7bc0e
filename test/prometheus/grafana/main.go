// Reads dashboards as Grafana's own types have them, and says what does not fit: an unknown field,
// a missing one, a value of another type, in the panels' and queries' options, too.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, file := range os.Args[1:] {
		if err := check(file); err != "" {
			fmt.Fprintf(os.Stderr, "%s: %s\n", file, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(raw); err != nil {
		return err.Error()
	}
	// Not nil where nothing is wrong, but without a word.
	if err := read.Validate(); err != nil {
		return err.Error()
	}
	return ""
}
