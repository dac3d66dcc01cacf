"""Writing, cutting, scanning and repairing MCAP files."""

import os
import struct
from pathlib import Path

import pytest
import yaml
from steps import messages, stock_read

from dreamer_recorder.info import run
from dreamer_recorder.mcap import (
    CHUNK,
    CHUNK_HEAD,
    CHUNK_INDEX,
    FOOTER,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    MESSAGE_INDEX,
    RECORD,
    McapWriter,
)
from dreamer_recorder.metadata import file_metadata, write_metadata
from dreamer_recorder.reader import ACTION, OBSERVATION, read_steps
from dreamer_recorder.recording import Recording
from dreamer_recorder.repair import repair
from dreamer_recorder.scan import Scan, files_in_order, is_finished

CHUNKS = ((0, 3), (3, 6), (6, 9))


def write(folder: Path, finish: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    writer = McapWriter(folder / f'{folder.name}_0.mcap')
    for first, last in CHUNKS:
        writer.write(messages(first, last))
    if finish:
        write_metadata(folder, [writer.finish(file_metadata)])
    else:
        writer.close()
    return writer.path


def scanned(path: Path) -> list[tuple[str, int, bytes]]:
    return [(message.topic.name, message.time, message.data) for chunk in Scan(path).chunks() for message in chunk]


def expected(count: int) -> list[tuple[str, int, bytes]]:
    return [(message.topic.name, message.time, message.data) for message in messages(0, 9)[:count]]


def test_a_finished_file_is_read_back(tmp_path: Path) -> None:
    path = write(tmp_path / 'bag', finish=True)
    scan = Scan(path)
    read = [message for chunk in scan.chunks() for message in chunk]
    assert read == messages(0, 9)
    assert scan.finished
    assert scan.damage == ''
    assert is_finished(path)


def test_other_readers_see_the_same(tmp_path: Path) -> None:
    write(tmp_path / 'bag', finish=True)
    read = stock_read(tmp_path / 'bag')
    assert sorted(read) == sorted(
        (f'/robot_1/{name}', kind, step)
        for step in range(9) for name, kind in (('observation', OBSERVATION), ('action', ACTION))
    )


def test_metadata_describes_the_bag(tmp_path: Path) -> None:
    write(tmp_path / 'bag', finish=True)
    content = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    assert content['version'] == 9
    assert content['storage_identifier'] == 'mcap'
    assert content['message_count'] == 18
    assert content['duration']['nanoseconds'] == 8_000_000
    assert content['starting_time']['nanoseconds_since_epoch'] == 10**18
    assert content['relative_file_paths'] == ['bag_0.mcap']
    first = content['topics_with_message_count'][0]
    assert first['message_count'] == 9
    assert first['topic_metadata']['type'] == OBSERVATION
    assert first['topic_metadata']['type_description_hash'].startswith('RIHS01_')
    assert first['topic_metadata']['offered_qos_profiles'][0]['durability'] == 'transient_local'


def boundaries(path: Path) -> dict[str, int]:
    """Named offsets in a file: after the magic, in the schema, in, at and around each chunk, in the summary."""
    data = path.read_bytes()
    offsets, at = {'empty': 0, 'magic cut': 4, 'only magic': len(MAGIC)}, len(MAGIC)
    while at + RECORD.size <= len(data) - len(MAGIC):
        code, length = RECORD.unpack_from(data, at)
        end = at + RECORD.size + length
        name = f'record {code} at {at}'
        offsets |= {f'{name}: head cut': at + 5, f'{name}: body cut': at + RECORD.size + length // 2, f'{name}: end': end}
        at = end
    return offsets


def whole_messages(data: bytes) -> int:
    """How many whole messages of the file begin in these bytes, found without the scanner."""
    count = 0
    for message in messages(0, 9):
        at = data.find(message.data)
        if at < 0:
            break
        count += 1
    return count


@pytest.mark.parametrize('finish', [False, True])
def test_cut_anywhere_the_whole_messages_are_read_and_repaired(tmp_path: Path, finish: bool) -> None:
    source = write(tmp_path / 'source' / 'bag', finish)
    data = source.read_bytes()
    cuts = {offset for at in boundaries(source).values() for offset in (at - 1, at, at + 1)}
    for number, cut in enumerate(sorted(offset for offset in cuts if 0 <= offset < len(data))):
        folder = tmp_path / 'cut' / f'steps_{number:04d}'
        folder.mkdir(parents=True)
        path = folder / f'{folder.name}_0.mcap'
        path.write_bytes(data[:cut])
        count = whole_messages(data[:cut])
        assert scanned(path) == expected(count), f'cut at {cut}'
        (line,) = repair(folder)
        if count:
            assert is_finished(path), line
            assert scanned(path) == expected(count)
            assert (folder / 'metadata.yaml').is_file()
        elif cut == 0:
            assert not folder.exists()
        else:
            assert 'set aside' in line
            assert not (folder / 'metadata.yaml').exists()
            assert path.with_name(f'{path.name}.unreadable').read_bytes() == data[:cut]
    assert number > 30


def test_a_repaired_bag_is_read_by_others(tmp_path: Path) -> None:
    path = write(tmp_path / 'bag', finish=False)
    os.truncate(path, path.stat().st_size - 700)
    count = len(scanned(path))
    assert 12 < count < 18
    repair(tmp_path)
    assert len(stock_read(tmp_path / 'bag')) == count
    assert repair(tmp_path) == []


def test_a_chunk_with_a_wrong_checksum_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / 'bag', finish=True)
    data = bytearray(path.read_bytes())
    data[data.find(messages(4, 5)[0].data) + 100] ^= 0xFF
    path.write_bytes(data)
    assert [step.step for step in read_steps(tmp_path)] == [0, 1, 2, 6, 7, 8]
    assert 'checksum' in caplog.text


def chunk_starts(data: bytes) -> list[int]:
    """Offsets of the chunks of a file."""
    found, at = [], len(MAGIC)
    while at + RECORD.size <= len(data) - len(MAGIC):
        code, length = RECORD.unpack_from(data, at)
        found += [at] if code == CHUNK else []
        at += RECORD.size + length
    return found


@pytest.mark.parametrize('bit', [34, 36, 46, 62, 63])
@pytest.mark.parametrize('cut', [False, True])
def test_a_wrong_length_of_a_record_costs_the_rest_of_its_file_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bit: int, cut: bool
) -> None:
    path = write(tmp_path / 'bags' / 'bag', finish=not cut)
    data = bytearray(path.read_bytes())
    wrong = chunk_starts(bytes(data))[1] + 1
    data[wrong + bit // 8] ^= 1 << bit % 8
    (length,) = struct.unpack_from('<Q', data, wrong)
    path.write_bytes(data)
    # The chunk's own messages are whole; where the next chunk begins is not known.
    assert scanned(path) == expected(12)
    assert [step.step for step in read_steps(tmp_path)] == list(range(6))
    assert f'{path}: record of {length} bytes at byte {wrong + 8} reaches behind the end' in caplog.text
    assert run([str(tmp_path)]) == 0
    recording = Recording(tmp_path / 'bags', 1 << 20, 0.01, lambda *_: None)
    recording.close()
    assert scanned(path) == expected(12)
    assert is_finished(path)


def test_a_wrong_length_of_a_record_that_holds_no_messages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / 'bag', finish=True)
    data = bytearray(path.read_bytes())
    chunk = chunk_starts(bytes(data))[0]
    index = chunk + RECORD.size + RECORD.unpack_from(data, chunk)[1]
    assert data[index] == MESSAGE_INDEX
    data[index + 8] ^= 0x80
    path.write_bytes(data)
    assert [step.step for step in read_steps(tmp_path)] == [0, 1, 2]
    assert 'reaches behind the end' in caplog.text


def test_zeros_after_a_power_failure_end_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / 'bag', finish=False)
    with path.open('ab') as file:
        file.write(bytes(5000))
    assert len(scanned(path)) == 18
    repair(tmp_path)
    assert len(scanned(path)) == 18
    assert is_finished(path)


def test_a_file_of_another_format_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / 'other.mcap').write_bytes(b'something else' * 10)
    assert list(read_steps(tmp_path)) == []
    assert 'not an MCAP file' in caplog.text


def test_a_failed_write_is_taken_back(tmp_path: Path) -> None:
    import resource

    writer = McapWriter(tmp_path / 'bag_0.mcap')
    writer.write(messages(0, 3))
    size = writer.size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(OSError, match='too large'):
            writer.write(messages(3, 6))
        assert writer.path.stat().st_size == size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.write(messages(3, 9))
    writer.finish(file_metadata)
    assert scanned(writer.path) == expected(18)


def test_files_are_ordered_by_number(tmp_path: Path) -> None:
    names = ['steps_0002/steps_0002_10.mcap', 'steps_0002/steps_0002_9.mcap', 'steps_0001/steps_0001_0.mcap']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in files_in_order(tmp_path)] == list(reversed(names))


def test_indexes_lead_to_every_message(tmp_path: Path) -> None:
    data = write(tmp_path / 'bag', finish=True).read_bytes()
    found = []
    at = struct.unpack_from('<Q', data, len(data) - len(MAGIC) - 20)[0]
    while data[at] != FOOTER:
        code, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if code == CHUNK_INDEX:
            chunk, size, offsets = struct.unpack_from('<QQI', data, at + 16)
            assert data[chunk] == CHUNK
            assert RECORD.unpack_from(data, chunk)[1] + RECORD.size == size
            for channel, index in struct.iter_unpack('<HQ', data[at + 36:at + 36 + offsets]):
                found += indexed(data, chunk, index, channel)
        at += length
    assert sorted(found) == sorted((message.time, message.data) for message in messages(0, 9))


def indexed(data: bytes, chunk: int, index: int, channel: int) -> list[tuple[int, bytes]]:
    """Time and data of the messages that one message index names; checks that index and messages agree."""
    body = chunk + RECORD.size + CHUNK_HEAD.size + 4 + 8
    assert data[index] == MESSAGE_INDEX
    number, size = struct.unpack_from('<HI', data, index + RECORD.size)
    assert number == channel
    found = []
    for time, offset in struct.iter_unpack('<QQ', data[index + RECORD.size + 6:index + RECORD.size + 6 + size]):
        code, length = RECORD.unpack_from(data, body + offset)
        start = body + offset + RECORD.size
        assert code == MESSAGE
        assert MESSAGE_HEAD.unpack_from(data, start) == (channel, 0, time, time)
        found.append((time, data[start + MESSAGE_HEAD.size:start + length]))
    return found


def test_summary_offsets_point_at_their_groups(tmp_path: Path) -> None:
    data = write(tmp_path / 'bag', finish=True).read_bytes()
    summary, offsets, _ = struct.unpack_from('<QQI', data, len(data) - len(MAGIC) - 20)
    at, groups = offsets, []
    while at < len(data) - len(MAGIC) - 29:
        code, length = RECORD.unpack_from(data, at)
        group, start, size = struct.unpack_from('<BQQ', data, at + RECORD.size)
        assert code == 0x0E
        assert data[start] == group
        groups.append((start, size))
        at += RECORD.size + length
    assert groups[0][0] == summary
    assert sum(size for _, size in groups) == offsets - summary
