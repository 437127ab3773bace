"""Anomalies found and failures predicted while a run goes on, and how well that is done."""
