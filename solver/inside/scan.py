# Counts in the Python files of a release what a reader would look at first. It
# reads, and runs nothing of what it reads. With "bandit" the tool of that name
# does the counting.
import ast
import json
import os
import sys

site, listing = sys.argv[1], sys.argv[2]
with open(listing) as f:
    names = f.read().splitlines()

CALLS = {
    "exec": "call_exec", "eval": "call_eval", "compile": "call_compile", "__import__": "call_import",
    "os.system": "call_shell", "os.popen": "call_shell", "subprocess.Popen": "call_process", "subprocess.run": "call_process",
    "subprocess.call": "call_process", "subprocess.check_call": "call_process", "subprocess.check_output": "call_process",
    "socket.socket": "call_socket", "urllib.request.urlopen": "call_url", "requests.get": "call_url", "requests.post": "call_url",
    "pickle.loads": "call_unpickle", "pickle.load": "call_unpickle", "marshal.loads": "call_unpickle",
    "base64.b64decode": "call_base64", "codecs.decode": "call_base64", "zlib.decompress": "call_decompress", "ctypes.CDLL": "call_native",
}


def name(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
        return ".".join(reversed(parts))
    return ""


def count():
    counts = {"files": 0, "unparsed": 0, "code_lines": 0, "longest_line": 0}
    for c in CALLS.values():
        counts[c] = 0
    for n in names:
        if "/test" in "/" + n:
            continue
        try:
            with open(os.path.join(site, n), "rb") as f:
                text = f.read(4 << 20)
        except OSError:
            continue
        counts["files"] += 1
        lines = text.splitlines()
        counts["code_lines"] += sum(1 for line in lines if line.strip() and not line.lstrip().startswith(b"#"))
        counts["longest_line"] = max([counts["longest_line"]] + [len(line) for line in lines])
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            counts["unparsed"] += 1
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                c = CALLS.get(name(node.func))
                if c:
                    counts[c] += 1
    return counts


def bandit():
    from bandit.core import config, manager
    m = manager.BanditManager(config.BanditConfig(), "file")
    m.discover_files([os.path.join(site, n) for n in names if "/test" not in "/" + n], False, "")
    m.run_tests()
    counts = {"python_code_lines": m.metrics.data["_totals"]["loc"]}
    for s in ("low", "medium", "high"):
        for c in ("low", "medium", "high", "undefined"):
            counts["severity_%s__confidence_%s" % (s, c)] = 0
    for issue in m.get_issue_list():
        key = "severity_%s__confidence_%s" % (str(issue.severity).lower(), str(issue.confidence).lower())
        if key in counts:
            counts[key] += 1
    return counts


json.dump(bandit() if len(sys.argv) > 3 else count(), sys.stdout)
