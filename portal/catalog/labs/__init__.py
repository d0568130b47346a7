"""Labs: who runs a namespace, and the people with a seat in all of its repos."""
