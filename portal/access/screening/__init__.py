"""Sanctions screening: compare applicants, holders and members with lists of embargoed names.

Operators keep the lists: countries under embargo, and mail domains, persons and organizations under
sanctions. A hit refuses nobody. It holds the request or the grant until a person has looked at it.

``matching`` compares what somebody said and proved with the entries of a list, ``run`` does that at
one moment and counts a failure as a hit, ``lists`` edits and imports the entries, and
``claimed_affiliations`` compares where somebody says that they work with where they proved it.
"""
