"""The formats of English: figures in attributes and days in forms are for machines to read."""

from django.conf.locale.en import formats as english

DATE_INPUT_FORMATS = english.DATE_INPUT_FORMATS
TIME_INPUT_FORMATS = english.TIME_INPUT_FORMATS
DATETIME_INPUT_FORMATS = english.DATETIME_INPUT_FORMATS
DECIMAL_SEPARATOR = english.DECIMAL_SEPARATOR
THOUSAND_SEPARATOR = english.THOUSAND_SEPARATOR
NUMBER_GROUPING = english.NUMBER_GROUPING
