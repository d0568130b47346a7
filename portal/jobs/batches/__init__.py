"""Files of prompts and answers, and the batches that lead from one to the other."""
