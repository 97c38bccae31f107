"""Whether step rates and stay times changed, with a stated rate of false alarms."""
