"""What the source never does: unpickle, evaluate text, call a shell, or read YAML with tags."""

import ast

from tests.test_architecture import FILES, imports, tree

PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
LOADERS = {"torch.load", "yaml.load", "yaml.unsafe_load", "pandas.read_pickle", "pd.read_pickle"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}


def calls(name):
    """Each call of a module: what is called, as it is written, and the names of its arguments."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            given = {word.arg: word.value for word in node.keywords}
            yield ast.unparse(node.func), given


def is_safe(called, given):
    """Whether a call is none of those that run what they read."""
    if called == "np.load":
        return ast.unparse(given["allow_pickle"]) == "False"
    if called.endswith("YAML"):
        return called == "YAML" and ast.unparse(given["typ"]) == "'safe'"
    return called not in LOADERS | SHELLS | BUILT_IN and "shell" not in given


def test_nothing_is_unpickled_and_no_text_is_run():
    assert len(FILES) > 200
    wrong = [(name, called) for name in FILES for called, given in calls(name)
             if not is_safe(called, given)]  # fmt: skip
    assert wrong == []
    importing = {
        name
        for name in FILES
        if PICKLES & {each.partition(".")[0] for each in imports(ast.walk(tree(name)))}
    }
    assert importing == set()


def test_code_of_models_is_run_by_one_encoder_alone():
    users = {name for name in FILES if "trust_remote_code" in ast.unparse(tree(name))}
    assert users == {"hbench_plugins/encoders/huggingface.py"}
