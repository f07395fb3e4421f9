"""Every setting, its default and its meaning; read once, at start.

Reading order: `table` (the settings themselves), `kinds` (what a value may look like), `load`
(defaults, then one file, then the environment), `rules` (what must hold between settings), `page`
(the reference page).
"""

from service.settings.load import load_settings, settings_from
from service.settings.page import describe_settings, settings_page
from service.settings.rules import SettingsError, is_loopback, refuse_open_door, warnings_of
from service.settings.table import Settings

__all__ = [
    "Settings",
    "SettingsError",
    "describe_settings",
    "is_loopback",
    "load_settings",
    "refuse_open_door",
    "settings_from",
    "settings_page",
    "warnings_of",
]
