"""Distillation: training of a small encoder on a large one's hidden states.

Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network"; here
the student imitates hidden states, as in Chang, Yang and Lee (2022), "DistilHuBERT".
No labels are needed. Stage one computes the teacher's hidden states once and caches
them.
"""
