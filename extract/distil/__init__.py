"""Distillation: a small encoder learns what a large one makes of unlabelled data.

Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network"; here
the student imitates hidden states, as in Chang, Yang and Lee (2022), "DistilHuBERT".
The teacher's hidden states are made once, by stage one, and lie in the cache.
"""
