"""The policy: who may do what, why not, and in which words they are refused."""
