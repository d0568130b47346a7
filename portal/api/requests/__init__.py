"""Operations on one's own requests, and on the form that they answer."""
