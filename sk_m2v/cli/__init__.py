"""The command `sk-m2v`: from files of texts to trained, exported models."""
