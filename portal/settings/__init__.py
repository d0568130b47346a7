"""Django's settings, from the environment, a module for each subject.

Every variable that they read is a row of docs/settings.md. The environment file is read first.
"""

from portal import env

env.load_file()

from portal.settings.api import *
from portal.settings.backup import *
from portal.settings.engine import *
from portal.settings.framework import *
from portal.settings.gate import *
from portal.settings.languages import *
from portal.settings.log import *
from portal.settings.mail import *
from portal.settings.people import *
from portal.settings.planner import *
from portal.settings.security import *
from portal.settings.site import *
from portal.settings.weights import *
