"""`tunesmith push` as people run it, to a Hub that takes large files by LFS."""

from __future__ import annotations

from pathlib import Path

from card_material import make_bundle
from cli_material import tell
from hub_server import TOKEN, hub

REPO = "acme/support-desk"


def test_a_bundle_goes_up_in_one_commit_with_its_large_files_by_lfs(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    here = str(bundle.folder.relative_to(tmp_path))
    with hub(lfs_from=1_000) as server:
        settings = {"HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        listed = tell(["push", here, REPO, "--dry-run", "--json"], tmp_path, **settings).json()
        assert server.requests == []
        stranger = tell(["push", here, REPO], tmp_path, **settings)
        assert stranger.code == 2
        assert "push-login" in stranger.err
        told = tell(
            ["push", here, REPO, "--form", "merged", "--form", "gguf", "--public", "--json"],
            tmp_path,
            **settings,
            HF_TOKEN=TOKEN,
        )
        assert told.code == 0, told.err
        repository = server.repositories["model", REPO]
    (upload,) = told.json()["uploads"]
    assert upload["files"] == {path: len(content) for path, content in repository.files.items()}
    assert repository.files["model.safetensors"] == (bundle.folder / "merged" / "model.safetensors").read_bytes()
    assert len(server.lfs) >= 2
    assert not repository.private
    assert repository.num_commits == 1
    assert any(path.endswith("/info/lfs/objects/batch") for _, path in server.requests)
    assert {*upload["files"], "adapter_config.json"} != {*listed["uploads"][0]["files"]}
    for content in server.bodies:
        assert str(tmp_path).encode() not in content
        assert TOKEN.encode() not in content
