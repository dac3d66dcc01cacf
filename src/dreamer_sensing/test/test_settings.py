from pathlib import Path

import pytest

from dreamer_learning.config import ConfigError
from dreamer_sensing.alignment import Aligner
from dreamer_sensing.settings import load_sensing


@pytest.mark.parametrize('value', ['.inf', '.nan', '1.0e+308', '0.0', '-1.0', '3601.0'])
def test_an_age_of_images_that_means_nothing_is_refused(config_folder: Path, value: str) -> None:
    path = config_folder / 'robots' / 'dog.yaml'
    path.write_text(f'{path.read_text()}  camera_max_age: {value}\n')
    with pytest.raises(ConfigError, match=f'^{path}: sensing: camera_max_age: '):
        load_sensing(config_folder, 'dog')


def test_the_highest_age_of_images(config_folder: Path) -> None:
    path = config_folder / 'robots' / 'dog.yaml'
    path.write_text(f'{path.read_text()}  camera_max_age: 3600\n')
    config, _ = load_sensing(config_folder, 'dog')
    assert config.camera_max_age == 3600.0
    # Nanoseconds of it fit a whole number.
    Aligner(20.0, needs_image=True, camera_max_age=config.camera_max_age)
