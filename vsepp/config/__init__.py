"""The configuration: every key with its type, default and meaning, read from YAML.

A configuration is a flat set of keys. It comes from the defaults below, then a file
(``-c``: a path, or the name of one of ``vsepp/configs/*.yml``), then single values
(``-o key=value``). Unknown keys and values of the wrong type are refused.
"""

from vsepp.config.files import CONFIG_FOLDER as CONFIG_FOLDER
from vsepp.config.files import bundled_names as bundled_names
from vsepp.config.files import load_config as load_config
from vsepp.config.files import read_yaml as read_yaml
from vsepp.config.keys import AUTO as AUTO
from vsepp.config.keys import KEYS as KEYS
from vsepp.config.keys import PREPARED_KEYS as PREPARED_KEYS
from vsepp.config.keys import Config as Config
from vsepp.config.values import apply as apply
from vsepp.config.values import override as override
