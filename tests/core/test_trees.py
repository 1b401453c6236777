"""What is below a folder, and how it differs from what is below another."""

from clients.lab.replaying.trees import FOLDER, differences, read_tree


def test_names_kinds_and_sizes(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "c").write_bytes(b"123")
    (tmp_path / "d").symlink_to("a")
    assert {"a": FOLDER, "a/b": FOLDER, "a/c": 3, "d": 1} == read_tree(tmp_path)


def test_equal_trees_do_not_differ():
    assert [] == differences({"a": FOLDER, "a/b": 1}, {"a/b": 1, "a": FOLDER})


def test_each_difference_is_told():
    ours = {"a": FOLDER, "b": 1, "c": 5}
    theirs = {"a": 0, "b": 2, "d": FOLDER}
    assert [
        "a: a folder here, 0 bytes there",
        "b: 1 bytes here, 2 bytes there",
        "c: 5 bytes here, nothing there",
        "d: nothing here, a folder there",
    ] == differences(ours, theirs)
