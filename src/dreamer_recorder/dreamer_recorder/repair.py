"""Finishes the files that a killed recorder left: summary, footer and metadata.yaml, so that stock tools read them."""

from __future__ import annotations

from pathlib import Path

from dreamer_learning.atomic import sync_folder
from dreamer_recorder.mcap import FileSummary, McapWriter
from dreamer_recorder.metadata import file_metadata, write_metadata
from dreamer_recorder.scan import Scan, is_finished, natural


def repair(bags_dir: Path) -> list[str]:
    """Finish every unfinished file below `bags_dir` and write the metadata.yaml of its folder.

    Only for who holds the lock of `bags_dir` (recording.lock): a file that is being written is unfinished too. A file is
    replaced in one step, so a repair that is killed does no harm. A file without a whole message is renamed to
    `*.mcap.unreadable`, an empty one is removed.

    Returns:
        One line of text for each file.

    Raises:
        OSError: the disk is full, or a file cannot be read; the original is as it was.
    """
    report = []
    for folder in sorted({path.parent for path in bags_dir.rglob('*.mcap')}):
        for leftover in folder.glob('*.tmp'):
            leftover.unlink()
        broken = [path for path in folder.glob('*.mcap') if not is_finished(path)]
        report += [repair_file(path) for path in sorted(broken, key=lambda path: natural(path.name))]
        files = sorted(folder.glob('*.mcap'), key=lambda path: natural(path.name))
        if files and (broken or not (folder / 'metadata.yaml').is_file()):
            write_metadata(folder, [summarise(path) for path in files])
        if not any(folder.iterdir()):
            folder.rmdir()
    return report


def repair_file(path: Path) -> str:
    """Rewrite one file from its whole messages; returns a line that says what was done."""
    temporary = path.with_name(f'{path.name}.tmp')
    scan = Scan(path)
    writer = McapWriter(temporary)
    try:
        for chunk in scan.chunks():
            writer.write(chunk)
        if not writer.summary.messages:
            writer.close()
            temporary.unlink()
            if not path.stat().st_size:
                path.unlink()
                return f'{path}: removed, it was empty'
            aside = path.rename(path.with_name(f'{path.name}.unreadable'))
            return f'{aside}: set aside, no whole message in {aside.stat().st_size} bytes'
        writer.summary.name = path.name
        summary = writer.finish(file_metadata)
    except OSError:
        writer.close()
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)
    sync_folder(path.parent)
    note = f' ({scan.damage})' if scan.damage else ''
    return f'{path}: finished after an interruption, {summary.messages} messages{note}'


def summarise(path: Path) -> FileSummary:
    """What a file holds, by reading it."""
    summary = FileSummary(path.name)
    for chunk in Scan(path).chunks():
        summary.add(chunk)
    return summary
