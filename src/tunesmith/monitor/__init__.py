"""From traffic to a HealthReport: drift with a stated rate of false alarms, quality, latency, alerts. No torch here."""
