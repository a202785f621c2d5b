// Command chart-render prints what `helm template` prints, where there is no helm: Go's templates with Sprig,
// the functions that Helm adds to them, and its check of the values' schema. No hooks, no dependencies, no
// cluster.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

func main() {
	release := flag.String("release", "anneal", "name of the release")
	namespace := flag.String("namespace", "anneal-system", "namespace of the release")
	kubernetes := flag.String("kube-version", "v1.36.0", "version of Kubernetes")
	values := flag.String("values", "", "YAML file of values over the chart's own")
	flag.Parse()
	if flag.NArg() != 1 {
		fail(fmt.Errorf("usage: chart-render [OPTION...] CHART; the options: -h"))
	}
	text, err := render(flag.Arg(0), *values, *release, *namespace, *kubernetes)
	if err != nil {
		fail(err)
	}
	fmt.Println(text)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "Error:", err)
	os.Exit(1)
}

func render(folder, valuesFile, release, namespace, kubernetes string) (string, error) {
	files, err := load(folder)
	if err != nil {
		return "", err
	}
	chart := object{}
	if err := yaml.Unmarshal([]byte(files["Chart.yaml"]), &chart); err != nil {
		return "", fmt.Errorf("Chart.yaml: %w", err)
	}
	values, err := mergedValues(files, valuesFile)
	if err != nil {
		return "", err
	}
	documents, err := execute(files, object{
		"Chart": named(chart, "Name", "Version", "AppVersion", "KubeVersion", "Description", "Type"),
		"Files": chartFiles(files),
		"Release": object{
			"Name": release, "Namespace": namespace, "Service": "Helm", "Revision": 1,
			"IsInstall": true, "IsUpgrade": false,
		},
		"Capabilities": object{"KubeVersion": object{"Version": kubernetes, "GitVersion": kubernetes}},
		"Values":       values,
	})
	if err != nil {
		return "", err
	}
	return strings.Join(documents, "\n"), nil
}

// load reads a chart's files by their path in it.
func load(folder string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(file)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	return files, err
}

// named has the members of a chart's description as templates name them.
func named(chart object, names ...string) object {
	result := object{}
	for _, name := range names {
		result[name] = chart[strings.ToLower(name[:1])+name[1:]]
	}
	return result
}

func mergedValues(files map[string]string, valuesFile string) (object, error) {
	values, over := object{}, object{}
	if err := yaml.Unmarshal([]byte(files["values.yaml"]), &values); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	if valuesFile != "" {
		content, err := os.ReadFile(valuesFile)
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(content, &over); err != nil {
			return nil, fmt.Errorf("%s: %w", valuesFile, err)
		}
	}
	merge(values, over)
	schema, found := files["values.schema.json"]
	if !found {
		return values, nil
	}
	result, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema), gojsonschema.NewGoLoader(values))
	if err != nil {
		return nil, fmt.Errorf("values.schema.json: %w", err)
	}
	problems := []string{}
	for _, problem := range result.Errors() {
		problems = append(problems, problem.String())
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("values don't meet the schema of the chart:\n- %s", strings.Join(problems, "\n- "))
	}
	return values, nil
}

// merge lays values over others: objects member by member, null removes, anything else replaces.
func merge(values, over object) {
	for key, value := range over {
		members, isObject := value.(object)
		existing, wasObject := values[key].(object)
		switch {
		case value == nil:
			delete(values, key)
		case isObject && wasObject:
			merge(existing, members)
		default:
			values[key] = value
		}
	}
}

// chartFiles is what templates see as .Files.
type chartFiles map[string]string

func (files chartFiles) Get(name string) string { return files[name] }

func (files chartFiles) Glob(pattern string) chartFiles {
	found := chartFiles{}
	for name, content := range files {
		if matches, _ := path.Match(pattern, name); matches {
			found[name] = content
		}
	}
	return found
}

// execute renders every template and gives the documents in Helm's order of installation.
func execute(files map[string]string, context object) ([]string, error) {
	chart := context["Chart"].(object)["Name"].(string)
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	names := []string{}
	for name, text := range files {
		if !strings.HasPrefix(name, "templates/") {
			continue
		}
		if _, err := root.New(chart + "/" + name).Parse(text); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(path.Base(name), "_") && path.Base(name) != "NOTES.txt" {
			names = append(names, chart+"/"+name)
		}
	}
	sort.Strings(names)
	documents := []document{}
	for _, name := range names {
		var text strings.Builder
		if err := root.ExecuteTemplate(&text, name, context); err != nil {
			return nil, err
		}
		found, err := split(name, strings.ReplaceAll(text.String(), "<no value>", ""))
		if err != nil {
			return nil, err
		}
		documents = append(documents, found...)
	}
	sort.SliceStable(documents, func(i, j int) bool { return documents[i].precedes(documents[j]) })
	result := []string{}
	for _, document := range documents {
		result = append(result, fmt.Sprintf("---\n# Source: %s\n%s", document.source, document.text))
	}
	return result, nil
}

// functions are those of Helm that charts use most; `lookup` finds nothing, as in `helm template`.
func functions(root *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	delete(all, "env")
	delete(all, "expandenv")
	all["include"] = func(name string, context interface{}) (string, error) {
		var text strings.Builder
		err := root.ExecuteTemplate(&text, name, context)
		return text.String(), err
	}
	all["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	all["lookup"] = func(string, string, string, string) object { return object{} }
	all["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	all["toJson"] = func(value interface{}) string {
		text, _ := json.Marshal(value)
		return string(text)
	}
	return all
}

// document is one rendered object.
type document struct {
	source, kind, text string
}

var separator = regexp.MustCompile(`(?:^|\s*\n)---\s*`)

func split(source, text string) ([]document, error) {
	documents := []document{}
	for _, part := range separator.Split(strings.TrimSpace(text), -1) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		head := struct{ Kind string }{}
		if err := yaml.Unmarshal([]byte(part), &head); err != nil {
			return nil, fmt.Errorf("%s is no YAML: %w\n%s", source, err, part)
		}
		documents = append(documents, document{source, head.Kind, part})
	}
	return documents, nil
}

// installation is Helm's order of kinds, those that no chart of ours has left out; others come last, by name.
var installation = []string{
	"PriorityClass", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap",
	"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service", "Deployment",
	"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}

func (first document) precedes(second document) bool {
	one, other := first.rank(), second.rank()
	if one == len(installation) && other == one {
		return first.kind < second.kind
	}
	return one < other
}

func (d document) rank() int {
	for rank, kind := range installation {
		if kind == d.kind {
			return rank
		}
	}
	return len(installation)
}
