"""What the model's masks amount to: regions with side, place and thickness, verdicts on them, doubts. No Qt."""
