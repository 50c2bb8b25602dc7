// An OCI runtime for machines that lack a capability (sandboxes often lack CAP_SYS_RESOURCE).
//
// runc fails with "unable to apply caps: operation not permitted" when a container asks for a capability that the
// machine itself does not have, and `privileged: true` asks for all of them. This program takes such capabilities
// out of the container's (or the exec'd process') description, then becomes runc. Where nothing lacks, it changes
// nothing.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The capabilities that were seen missing, with their bit in the bounding set.
var watched = map[string]uint{"CAP_SYS_RESOURCE": 24}

func main() {
	if missing := missingCapabilities(); len(missing) > 0 {
		for i, argument := range os.Args[:len(os.Args)-1] {
			switch argument {
			case "--bundle", "-b":
				rewrite(filepath.Join(os.Args[i+1], "config.json"), "process", missing)
			case "--process", "-p":
				rewrite(os.Args[i+1], "", missing)
			}
		}
	}
	runc, err := exec.LookPath("runc")
	fatal(err)
	fatal(syscall.Exec(runc, append([]string{"runc"}, os.Args[1:]...), os.Environ()))
}

func missingCapabilities() map[string]bool {
	status, err := os.ReadFile("/proc/self/status")
	fatal(err)
	missing := map[string]bool{}
	for _, line := range strings.Split(string(status), "\n") {
		mask, found := strings.CutPrefix(line, "CapBnd:")
		if !found {
			continue
		}
		bounding, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		fatal(err)
		for name, bit := range watched {
			if bounding&(1<<bit) == 0 {
				missing[name] = true
			}
		}
	}
	return missing
}

// rewrite drops the missing capabilities from the process that a JSON file describes, under key or at its top.
func rewrite(path, key string, missing map[string]bool) {
	text, err := os.ReadFile(path)
	fatal(err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // the description holds 64-bit numbers
	var document map[string]any
	fatal(decoder.Decode(&document))
	process := document
	if key != "" {
		process, _ = document[key].(map[string]any)
	}
	sets, _ := process["capabilities"].(map[string]any)
	for name, value := range sets {
		listed, _ := value.([]any)
		kept := []any{}
		for _, capability := range listed {
			if text, _ := capability.(string); !missing[text] {
				kept = append(kept, capability)
			}
		}
		sets[name] = kept
	}
	text, err = json.Marshal(document)
	fatal(err)
	fatal(os.WriteFile(path, text, 0o600))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "runc-within-bounds:", err)
		os.Exit(1)
	}
}
