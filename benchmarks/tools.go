package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
)

// A tool is a program of the system, that nothing of ours brings along.
type tool struct {
	path    string
	version string // with its name
}

// tools are looked for in the path, and then where Debian puts them: a user's path
// may have no sbin in it, and another Python before that of the packages.
var (
	findNginx  = toolFinder("nginx", "nginx is not installed", "nginx", "/usr/sbin/nginx")
	findCurl   = toolFinder("curl", "curl is not installed", "curl", "/usr/bin/curl")
	findPython = toolFinder("python", "no python3 with requests and lxml is installed", "python3", "/usr/bin/python3")

	// Without what the notebook imports.
	findPython3 = toolFinder("python3", "python3 is not installed", "python3", "/usr/bin/python3")

	findRedis = toolFinder("redis-server", "redis-server is not installed (apt-get install redis-server)", "redis-server", "/usr/bin/redis-server")
)

// findPostgres looks where Debian puts it too: a directory for each version, none of
// which is in the path.
func findPostgres(ctx context.Context) (tool, error) {
	there, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return tool{}, err
	}
	find := toolFinder("postgres", "PostgreSQL is not installed (apt-get install postgresql)", append([]string{"postgres"}, there...)...)
	return find(ctx)
}

// versionOf has for each tool how it tells its version; where it fails, the tool is
// of no use.
var versionOf = map[string][]string{
	"nginx":        {"-v"},
	"curl":         {"--version"},
	"redis-server": {"--version"},
	"postgres":     {"--version"},
	"python3":      {"-c", "import sys, concurrent.futures, multiprocessing.pool; print('Python', sys.version.split()[0])"},
	"python": {"-c", "import sys, requests, lxml.etree as x; print('Python', sys.version.split()[0] + ', requests', " +
		"requests.__version__ + ', lxml', '.'.join(map(str, x.LXML_VERSION[:3])))"},
}

// toolFinder looks for the first of the programs that tells its version. The error
// is the word for the report.
func toolFinder(name, missing string, programs ...string) func(context.Context) (tool, error) {
	return func(ctx context.Context) (tool, error) {
		for _, program := range programs {
			path, err := exec.LookPath(program)
			if err != nil {
				continue
			}
			said, err := exec.CommandContext(ctx, path, versionOf[name]...).CombinedOutput()
			if err != nil {
				continue
			}
			return tool{path, shortVersion(string(said))}, nil
		}
		return tool{}, errors.New(missing)
	}
}

// shortVersion is a program's name and its version, of what it says: no more lines, and
// not what its build was made with.
func shortVersion(said string) string {
	version, _, _ := strings.Cut(said, "\n")
	version = strings.TrimPrefix(version, "nginx version: ")
	version = strings.NewReplacer("postgres (PostgreSQL)", "PostgreSQL", "Redis server v=", "Redis ").Replace(version)
	version, _, _ = strings.Cut(version, " (")
	version, _, _ = strings.Cut(version, " sha=")
	return version
}
